import numpy as np
import nvflare.client as flare

flare.init()
while flare.is_running():
    model = flare.receive()
    array = model.params["numpy_key"]
    metrics = {"accuracy": float(np.mean(array))}
    if flare.is_evaluate():
        flare.send(flare.FLModel(metrics=metrics))
        continue
    flare.send(flare.FLModel(params={"numpy_key": array + 1}, params_type="FULL", metrics=metrics))
