"""How the scenes of `scenes.py` are drawn: a canvas that paints picture and labels with the same strokes, light and
texture, and the things that stand in streets, rooms and open country."""
