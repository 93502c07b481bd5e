"""Audiences, the pure part: who belongs to one, who is held out, what changed, what is delivered.

It reads no file, no database and no clock: text and frames in, SQL, frames and text out.
"""
