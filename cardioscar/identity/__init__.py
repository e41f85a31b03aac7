"""Who may be named: pseudonyms for subjects, and what is said of the names that users gave their files."""
