-- What the inbox asks for.

-- +goose Up

-- Conversations with something unread, the one that moved last first. They are
-- few among many, and the list that an inbox opens with. It costs a message
-- that comes in one entry more of the conversation's eight; what is accepted
-- and sent pays nothing, unless its conversation is unread.
CREATE INDEX chats_unread ON chats (org_id, moved_at DESC, id DESC) WHERE unread > 0;
