// Command worker holds the WhatsApp connections of its numbers and sends and receives over them.
package main

import "chasqui/internal/app"

func main() { app.Main("worker", app.Worker) }
