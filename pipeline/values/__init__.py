"""Cell text into the API's text, and what is known of its kinds: money, identifiers, rates, words."""
