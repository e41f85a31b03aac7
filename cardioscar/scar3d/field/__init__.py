"""The coordinate network of one subject: encoding, field, plan, fit alone and in batches, samples by MC-Dropout."""
