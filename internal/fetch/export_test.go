package fetch

// Escape is what goes into a request for a raw location.
var Escape = escape
