"""Takes a network's attentions and recurrent layers apart, so that each of their matrices is a layer."""

from torch import nn

from apus.techniques.bayesian_bits import attention, recurrent


def opened(model: nn.Module) -> nn.Module:
    """Take apart what can be; the rest stays, and its matrices float.

    Args:
        model: changed in place.

    Returns:
        `model`, or what takes its place if it is such a layer itself.
    """
    for parent in [*model.modules()]:
        if isinstance(parent, nn.TransformerEncoder):
            parent.use_nested_tensor = False  # else it reads the first layer's weights past `forward`
        for leaf, child in parent._modules.items():
            if child is not None:
                setattr(parent, leaf, _apart(child))
    return _apart(model)


def _apart(whole: nn.Module) -> nn.Module:
    if isinstance(whole, nn.MultiheadAttention):
        return attention.opened(whole)
    return recurrent.opened(whole) if isinstance(whole, nn.GRU | nn.LSTM) else whole
