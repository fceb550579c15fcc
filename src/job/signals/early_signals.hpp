#pragma once

namespace alignment {

/// A program that calls this holds back SIGTERM, SIGUSR2 and SIGINT from before its libraries initialise themselves,
/// which takes a good part of a second. To be called once install_stop_signals() has been, or where the signals are to
/// have their usual effect: those that came meanwhile come now, and so do those that whoever started the program holds
/// back, as `env --block-signal=USR2,TERM` does for the moment that the dynamic linker takes.
void let_stop_signals_through();

}  // namespace alignment
