"""The Client API with `patch`, for scripts of PyTorch Lightning."""

from nvflare.apis.analytix import AnalyticsDataType as AnalyticsDataType
from nvflare.app_common.abstract.fl_model import FLModel as FLModel
from nvflare.app_common.abstract.fl_model import ParamsType as ParamsType
from nvflare.app_opt.lightning import FLCallback as FLCallback
from nvflare.app_opt.lightning import patch as patch
from nvflare.app_opt.lightning.loggers.client_logger import ClientLogger as logger
from nvflare.client import get_config as get_config
from nvflare.client import get_job_id as get_job_id
from nvflare.client import get_site_name as get_site_name
from nvflare.client import init as init
from nvflare.client import is_evaluate as is_evaluate
from nvflare.client import is_running as is_running
from nvflare.client import is_submit_model as is_submit_model
from nvflare.client import is_train as is_train
from nvflare.client import log as log
from nvflare.client import receive as receive
from nvflare.client import shutdown as shutdown
from nvflare.client import system_info as system_info

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
