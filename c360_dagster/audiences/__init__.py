"""Audiences, the pure part: who belongs to one, who is held out, what changed, what is said.

It reads no file, asks no database and no clock: text and frames in, SQL, frames and text out.
"""
