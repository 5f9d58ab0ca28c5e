"""Networks exported once for all modules: the exporter's first call alone costs ten seconds."""

import networks
import onnx
import pytest
from agreement import Feed


@pytest.fixture(scope="session")
def exported() -> dict[str, tuple[onnx.ModelProto, Feed]]:
    return {name: networks.exported(name) for name in networks.NETWORKS}
