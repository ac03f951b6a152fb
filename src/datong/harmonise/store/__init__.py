"""What harmonise keeps and reads: the table of builds, the files of a build, the workspace, the sources."""
