"""What runs a task: PyTorch as it is, or ONNX Runtime on the exported module."""

import importlib.metadata
import os
import tempfile

import torch


class PyTorch:
    def __init__(self, threads):
        torch.set_num_threads(threads)

    def version(self):
        return f"PyTorch {torch.__version__}"

    def can(self, case):
        return True

    def runner(self, task):
        return task.run


class OnnxRuntime:
    def __init__(self, threads):
        import onnx  # noqa: F401  (torch.onnx needs it)
        import onnxruntime
        import onnxscript  # noqa: F401  (as above)

        torch.set_num_threads(threads)
        self.library = onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        onnxruntime.set_default_logger_severity(3)

    def version(self):
        return f"ONNX Runtime {importlib.metadata.version('onnxruntime')}"

    def can(self, case):
        """It runs networks and does not train them."""
        return case["task"] != "train_step" and not case.get("backward", False)

    def runner(self, task):
        module, inputs = task.module.eval(), task.inputs
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            path = os.path.join(folder, "model.onnx")
            torch.onnx.export(module, inputs, path, dynamo=True, verbose=False)
            session = self.library.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        feed = {put.name: x.numpy() for put, x in zip(session.get_inputs(), inputs, strict=True)}
        return lambda: session.run(None, feed)[0]


BACKENDS = {"pytorch": PyTorch, "onnxruntime": OnnxRuntime}
