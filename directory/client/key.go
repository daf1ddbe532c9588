package client

import (
	"context"

	"motcua/directory"
	"motcua/directory/state"
)

// Rotate has the directory put other keys in the place of this node's. Done again it returns the same. See command.TakeKeys.
func (c *Client) Rotate(ctx context.Context, r directory.SignedRotation) (directory.Node, error) {
	var out state.Enrolled
	err := c.ask(ctx, "take new keys", OpRotate, r, &out)
	return out.Node, err
}
