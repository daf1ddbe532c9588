package bench

import (
	"context"
)

// alone measures what no peer is measured at.
func (r *run) alone(ctx context.Context) error { return nil }
