"""The half that needs no labels: fold, close, slide, measure."""
