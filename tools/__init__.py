"""What needs the checkout, and no notebook imports."""
