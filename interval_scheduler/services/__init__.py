"""Services on the storage, beside executions: locks, sync, bulk calls, the rebalancer, the lifespan."""
