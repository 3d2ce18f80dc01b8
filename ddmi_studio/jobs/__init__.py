"""The lane: one thread that runs the engine's requests and reports every event on the GUI thread."""

from ddmi_studio.jobs.job import Job, JobState, Priority
from ddmi_studio.jobs.lane import Lane

__all__ = ["Job", "JobState", "Lane", "Priority"]
