"""Long work done aside: fine-tuning jobs, their queue and their worker."""
