"""Audiences, the pure part: who belongs to one, who is held out, what changed, what is delivered.

It uses no file, database or clock: it takes text and frames, and returns SQL, frames and text.
"""
