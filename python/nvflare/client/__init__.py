"""The Client API of nvflare, for scripts that neuroflare runs."""

from nvflare.apis.analytix import AnalyticsDataType as AnalyticsDataType
from nvflare.app_common.abstract.fl_model import FLModel as FLModel
from nvflare.app_common.abstract.fl_model import ParamsType as ParamsType

from .api import clear as clear
from .api import get_config as get_config
from .api import get_job_id as get_job_id
from .api import get_site_name as get_site_name
from .api import get_task_name as get_task_name
from .api import init as init
from .api import is_evaluate as is_evaluate
from .api import is_running as is_running
from .api import is_submit_model as is_submit_model
from .api import is_train as is_train
from .api import log as log
from .api import receive as receive
from .api import send as send
from .api import shutdown as shutdown
from .api import system_info as system_info
from .decorator import evaluate as evaluate
from .decorator import train as train

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
