# `cmake --install` and CPack: what runs elsewhere is dejavid_dist and dejavid_convert, with their manual pages and completion,
# configs and documents.
# dejavid_bench stays at home: it measures against LibTorch, which no distribution packages.
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # not everything that can be built, but what is installed, has to be there
set_target_properties(dejavid_dist dejavid_convert PROPERTIES INSTALL_RPATH_USE_LINK_PATH ${DEJAVID_CUDA}) # with CUDA: where NCCL is
install(TARGETS dejavid_dist dejavid_convert RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Manual pages and completion: each program writes its own, from the tables that it reads its command line by.
set(pages ${PROJECT_BINARY_DIR}/pages)
function(install_page program folder file)
  list(JOIN ARGN " " options)
  install(CODE "file(MAKE_DIRECTORY \"${pages}/${folder}\")
execute_process(COMMAND \"$<TARGET_FILE:${program}>\" ${options} OUTPUT_FILE \"${pages}/${folder}/${file}\" COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES ${pages}/${folder}/${file} DESTINATION ${folder})
endfunction()
foreach(program dejavid_dist dejavid_convert)
  install_page(${program} ${CMAKE_INSTALL_MANDIR}/man1 ${program}.1 --man)
  install_page(${program} ${CMAKE_INSTALL_DATADIR}/bash-completion/completions ${program} --completion bash)
  install_page(${program} ${CMAKE_INSTALL_DATADIR}/zsh/site-functions _${program} --completion zsh)
  install_page(${program} ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d ${program}.fish --completion fish)
endforeach()

install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/dejavid-dist)
set(documents ${CMAKE_INSTALL_DATADIR}/doc/dejavid-dist)
install(DIRECTORY docs DESTINATION ${documents})
install(FILES README.md CHANGELOG.md LICENSE CITATION.cff DESTINATION ${documents})

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_NAME dejavid-dist)
set(CPACK_PACKAGE_VENDOR "dejavid_dist maintainers")
set(CPACK_PACKAGE_CONTACT "dejavid_dist maintainers <maintainers@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "distributed training of video classifiers by learned temporal alignment")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin") # mpirun; the libraries are found out by dpkg-shlibdeps
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
