"""What the pages of both halves share: layout, style, notices."""
