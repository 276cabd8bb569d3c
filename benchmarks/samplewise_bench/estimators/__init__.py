"""samplewise's estimators beside scikit-learn's: times around public calls, and scores."""
