"""What a build of silver and gold works out and what of it stands; start reading at changes.py."""
