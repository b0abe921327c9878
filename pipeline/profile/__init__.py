"""A profile: what one source's exports mean, declared in TOML."""

from pipeline.profile.load import load_profile
from pipeline.profile.model import Conventions, Part, Prices, Profile, Reading, Sending

__all__ = ["Conventions", "Part", "Prices", "Profile", "Reading", "Sending", "load_profile"]
