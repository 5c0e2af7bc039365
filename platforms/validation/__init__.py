"""Against measurements: cases with measured cycles, events of RTL traces and waveforms."""
