"""What all pages share: texts, templates, headers, forms, cookies, and how a refusal becomes a page."""
