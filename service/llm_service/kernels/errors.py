class KernelError(Exception):
    """Base of the errors about kernels."""


class KernelBuildError(KernelError):
    """The kernels cannot be compiled."""


class KernelUnavailableError(KernelError):
    """No kernels can be used on this machine; torch's own are used instead."""
