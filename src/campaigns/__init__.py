"""Who gets a campaign, and handing it over so that nobody gets it twice."""
