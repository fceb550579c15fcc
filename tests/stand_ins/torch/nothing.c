/* An empty library: see CMakeLists.txt. */
typedef int dejavid_nothing;
