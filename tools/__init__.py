"""What needs the checkout and no notebook imports: drawn scenes, the course, benchmarks, notebooks stored again."""
