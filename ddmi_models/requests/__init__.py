"""Frozen requests: what the command line, the Python API and the studio ask of the engine.

Every request's docstring says what the `Result` event that ends it holds. This module imports neither torch nor Qt.
"""

from __future__ import annotations

from typing import TypeAlias

from ddmi_models.cameras import Camera as Camera
from ddmi_models.cameras import flight as flight
from ddmi_models.recipes import STRONGEST_ADDON as STRONGEST_ADDON
from ddmi_models.recipes import Recipe as Recipe
from ddmi_models.recipes import SampledRecipe as SampledRecipe
from ddmi_models.recipes import describe as describe
from ddmi_models.requests.making import Addon as Addon
from ddmi_models.requests.making import Encode as Encode
from ddmi_models.requests.making import Encoded as Encoded
from ddmi_models.requests.making import ExportPath as ExportPath
from ddmi_models.requests.making import Generate as Generate
from ddmi_models.requests.making import Interpolate as Interpolate
from ddmi_models.requests.making import Mix as Mix
from ddmi_models.requests.making import Regenerate as Regenerate
from ddmi_models.requests.making import Vary as Vary
from ddmi_models.requests.models import AddonInfo as AddonInfo
from ddmi_models.requests.models import Doctor as Doctor
from ddmi_models.requests.models import FileInspection as FileInspection
from ddmi_models.requests.models import ImportModel as ImportModel
from ddmi_models.requests.models import InspectFile as InspectFile
from ddmi_models.requests.models import ListAddons as ListAddons
from ddmi_models.requests.models import ListModels as ListModels
from ddmi_models.requests.models import LoadModel as LoadModel
from ddmi_models.requests.models import ModelInfo as ModelInfo
from ddmi_models.requests.models import RemoveModel as RemoveModel
from ddmi_models.requests.models import VerifyModel as VerifyModel
from ddmi_models.requests.samples import Clip as Clip
from ddmi_models.requests.samples import ClipView as ClipView
from ddmi_models.requests.samples import ImageView as ImageView
from ddmi_models.requests.samples import MeshData as MeshData
from ddmi_models.requests.samples import MeshView as MeshView
from ddmi_models.requests.samples import Part as Part
from ddmi_models.requests.samples import Picture as Picture
from ddmi_models.requests.samples import RadianceView as RadianceView
from ddmi_models.requests.samples import Rendered as Rendered
from ddmi_models.requests.samples import Sample as Sample
from ddmi_models.requests.samples import Shows as Shows
from ddmi_models.requests.samples import Timing as Timing
from ddmi_models.requests.samples import View as View
from ddmi_models.requests.samples import frame_count as frame_count
from ddmi_models.requests.showing import EstimateExport as EstimateExport
from ddmi_models.requests.showing import Export as Export
from ddmi_models.requests.showing import ExportEstimate as ExportEstimate
from ddmi_models.requests.showing import LevelSpectrum as LevelSpectrum
from ddmi_models.requests.showing import MeasureLevels as MeasureLevels
from ddmi_models.requests.showing import OpenedExport as OpenedExport
from ddmi_models.requests.showing import OpenExport as OpenExport
from ddmi_models.requests.showing import PlanExport as PlanExport
from ddmi_models.requests.showing import ReadField as ReadField
from ddmi_models.requests.showing import Render as Render
from ddmi_models.requests.showing import Thumbnail as Thumbnail
from ddmi_models.requests.training import FEWEST_TO_DIVIDE as FEWEST_TO_DIVIDE
from ddmi_models.requests.training import LARGEST_SHARE as LARGEST_SHARE
from ddmi_models.requests.training import MOST_HELD_OUT as MOST_HELD_OUT
from ddmi_models.requests.training import Ablate as Ablate
from ddmi_models.requests.training import CheckData as CheckData
from ddmi_models.requests.training import CheckTraining as CheckTraining
from ddmi_models.requests.training import ControlRun as ControlRun
from ddmi_models.requests.training import DataSummary as DataSummary
from ddmi_models.requests.training import DescribeTraining as DescribeTraining
from ddmi_models.requests.training import Evaluate as Evaluate
from ddmi_models.requests.training import ListRuns as ListRuns
from ddmi_models.requests.training import MakeData as MakeData
from ddmi_models.requests.training import RemoveRun as RemoveRun
from ddmi_models.requests.training import RunDetails as RunDetails
from ddmi_models.requests.training import RunInfo as RunInfo
from ddmi_models.requests.training import Setting as Setting
from ddmi_models.requests.training import SettingProblem as SettingProblem
from ddmi_models.requests.training import ShowRun as ShowRun
from ddmi_models.requests.training import StartingPoint as StartingPoint
from ddmi_models.requests.training import StartRun as StartRun
from ddmi_models.requests.training import Train as Train
from ddmi_models.requests.training import TrainingGuide as TrainingGuide
from ddmi_models.requests.training import TrainingPreset as TrainingPreset
from ddmi_models.requests.training import TrainingSize as TrainingSize
from ddmi_models.requests.training import held_out_count as held_out_count

MAX_SEED = 2**63 - 1

Request: TypeAlias = (
    ListModels
    | ListAddons
    | LoadModel
    | Generate
    | Regenerate
    | Encode
    | Interpolate
    | Mix
    | Vary
    | ExportPath
    | Render
    | ReadField
    | Thumbnail
    | MeasureLevels
    | EstimateExport
    | PlanExport
    | Export
    | OpenExport
    | ImportModel
    | InspectFile
    | VerifyModel
    | RemoveModel
    | Train
    | Ablate
    | DescribeTraining
    | CheckTraining
    | StartRun
    | ListRuns
    | ShowRun
    | ControlRun
    | RemoveRun
    | MakeData
    | CheckData
    | Evaluate
    | Doctor
)
