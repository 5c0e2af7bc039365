"""Empirical estimators: models of devices that are fitted to measurements.

measured = read_measurements("layers.csv", "latency_us")
model = fit("auto", measured)
model.predict(network)                 # latency, lower, upper of each layer
model.predict_network(network)
write_model(model, "device.json")
"""

from platforms.estimators.errors import EstimatorError
from platforms.estimators.fitting import fit
from platforms.estimators.measurements import Measurements, layers_of, read_measurements, read_table
from platforms.estimators.model import KINDS, Model, NetworkPrediction, Prediction
from platforms.estimators.model_file import load_model, write_model

__all__ = [
    "KINDS",
    "EstimatorError",
    "Measurements",
    "Model",
    "NetworkPrediction",
    "Prediction",
    "fit",
    "layers_of",
    "load_model",
    "read_measurements",
    "read_table",
    "write_model",
]
