// Package wa holds the nouns of chasqui: ids, clients, messages, chats,
// contacts, events, jobs, errors, and the tables that say which state may
// follow which. It knows nothing of databases, queues or networks; whatever
// does I/O or takes a decision over time belongs elsewhere.
package wa
