// OpenImageIO's picture files. Its headers would compile {fmt} into every file that includes them, as weak definitions
// that the linker may take for those that other programs look for, and OpenImageIO's 265 libraries along with them.
// {fmt}'s own headers come first, so that its library is used everywhere.
#pragma once

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/printf.h>

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>
