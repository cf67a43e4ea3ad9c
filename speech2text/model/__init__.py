"""Listen, Attend and Spell (Chan et al. 2016) in torch; depends on torch alone."""
