"""What the report's authors did next, with Keras: ten classes, Adam, mini-batches."""
