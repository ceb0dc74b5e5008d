// Loaded into every test process before tap's own preloads. They would have each module pass
// through a thread of hooks, for coverage and mocks that no test uses, and take more CPU than the
// tests themselves. Whoever wants coverage runs tap without this.

require('node:module').register = () => undefined;
