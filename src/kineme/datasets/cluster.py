"""Reading raw files on the workers of a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from joblib import parallel_config

from kineme.errors import ConfigError


@contextmanager
def dask_workers(address: str, timeout: float = 10) -> Iterator[None]:
    """Within this context joblib sends its tasks to a Dask cluster.

    Args:
        address: of the scheduler, such as ``tcp://host:8786``.
        timeout: seconds to wait for its answer.

    Raises:
        ConfigError: Dask is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError("a Dask cluster takes the package distributed: pip install 'kineme[dask]'") from error
    try:
        client = Client(address, timeout=timeout)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler"
        ) from error
    with client, parallel_config(backend="dask", wait_for_workers_timeout=30):
        yield
