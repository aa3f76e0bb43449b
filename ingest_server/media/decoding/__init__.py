"""What decodes media with PyAV and OpenCV. Loaded only by the program in the sandbox, never by server or agent."""
