"""ModelService over the shelf of models. It opens none of them."""

# ruff: noqa: N802 (gRPC names the methods)

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any, final

from grpc.aio import ServicerContext

from brain.engine.models import Shelf
from brain.services import convert
from brain.wire.aios.v1 import model_pb2, model_pb2_grpc


@final
class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    """Tells of models; reads their descriptions on the threads of ``executor``."""

    def __init__(self, shelf: Shelf, executor: Executor) -> None:
        self._shelf = shelf
        self._executor = executor

    async def ListModels(
        self, request: model_pb2.ListModelsRequest, context: ServicerContext[Any, Any]
    ) -> model_pb2.ListModelsResponse:
        """Lists the models that are on this machine."""
        reports = await asyncio.get_running_loop().run_in_executor(self._executor, self._shelf.reports)
        return convert.models_response(reports)
