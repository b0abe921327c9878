"""A profile: what one source's exports mean, declared in TOML."""

from pipeline.profile.load import load_profile
from pipeline.profile.model import Conventions, Prices, Profile, Reading, Sending

__all__ = ["Conventions", "Prices", "Profile", "Reading", "Sending", "load_profile"]
