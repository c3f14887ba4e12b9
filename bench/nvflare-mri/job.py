"""usage: job.py WORKSPACE BIDS SPLIT"""
import sys

from model import MriCnn
from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe
from nvflare.recipe import SimEnv

workspace, bids, split = sys.argv[1:]
recipe = FedAvgRecipe(
    name="mri", model=MriCnn(), min_clients=2, num_rounds=3, train_script="client.py", train_args=f"{bids} {split}"
)
recipe.execute(SimEnv(num_clients=2, num_threads=2, workspace_root=workspace))
