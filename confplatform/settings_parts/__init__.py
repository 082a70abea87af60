"""Parts of the settings: the look of the admin, the text and examples of the API's description, and e-mails."""
