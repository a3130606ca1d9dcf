"""The one public object, in parts."""
