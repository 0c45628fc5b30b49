"""What a person looks at: pages, plots, overlays and exports."""
