"""What every HTTP view shares: lenient reading of requests, one exception and its two renderings."""
