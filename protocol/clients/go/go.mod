module pongcheck

go 1.19
