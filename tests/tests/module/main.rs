//! Servers that nobody rebuilt, as they come from a distribution, with the OpenSSL module in them and an agent that decides.

mod nginx;
