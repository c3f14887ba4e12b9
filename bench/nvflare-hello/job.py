import sys

from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe
from nvflare.recipe import SimEnv

recipe = NumpyFedAvgRecipe(
    name="hello", min_clients=2, num_rounds=3, model=[[1, 2, 3], [4, 5, 6], [7, 8, 9]], train_script="client.py"
)
recipe.execute(SimEnv(num_clients=2, num_threads=2, workspace_root=sys.argv[1]))
