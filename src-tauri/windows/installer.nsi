; The installer for Windows, for one user, without administrator rights. Made with Debian's nsis and nothing that would
; have to be downloaded:
;   makensis -DSOURCE=FOLDER -DFILES=LIST -DVERSION=1.2.3 -DOUTPUT=SETUP.exe installer.nsi
; FOLDER holds what is installed; LIST has two macros made from it, InstallFiles and DeleteFiles, so that nothing is ever
; removed that was not installed.
; Silent: SETUP.exe /S and uninstall.exe /S [/purge]. Code 2: the program runs.

Unicode true
Target amd64-unicode
!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "${FILES}"

!define PROGRAM "fika.exe"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Fika"
!define WEBVIEW_KEY "Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
!define WEBVIEW_PAGE "https://developer.microsoft.com/microsoft-edge/webview2/"

Name "Fika"
OutFile "${OUTPUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Fika"
ManifestDPIAware true
ManifestSupportedOS Win10
!ifdef FAST
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
!endif

VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Fika"
VIAddVersionKey "FileDescription" "Fika Setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "The Fika authors"

!define MUI_ICON "..\..\icons\icon.ico"
!define MUI_UNICON "..\..\icons\icon.ico"
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Swedish"

LangString Running ${LANG_ENGLISH} "Fika is running. Close it, then try again."
LangString Running ${LANG_SWEDISH} "Fika körs. Stäng det och försök sedan igen."
LangString WebView ${LANG_ENGLISH} "Fika shows its window with Microsoft's WebView2 Runtime, which is not installed on this computer. It is free: ${WEBVIEW_PAGE}$\n$\nOpen that page now?"
LangString WebView ${LANG_SWEDISH} "Fika visar sitt fönster med Microsofts WebView2 Runtime, som inte är installerad på den här datorn. Den är gratis: ${WEBVIEW_PAGE}$\n$\nVill du öppna sidan nu?"
LangString Purge ${LANG_ENGLISH} "Delete your settings too?"
LangString Purge ${LANG_SWEDISH} "Vill du ta bort dina inställningar också?"

; A program that runs cannot be written to.
!macro WaitUntilClosed
  again:
  IfFileExists "$INSTDIR\${PROGRAM}" 0 closed
  ClearErrors
  FileOpen $0 "$INSTDIR\${PROGRAM}" a
  IfErrors running
  FileClose $0
  Goto closed
  running:
  MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(Running)" /SD IDCANCEL IDRETRY again
  SetErrorLevel 2
  Quit
  closed:
!macroend

Section
  !insertmacro WaitUntilClosed
  SetOutPath "$INSTDIR"
  !insertmacro InstallFiles
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Fika.lnk" "$INSTDIR\${PROGRAM}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "Fika"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\${PROGRAM}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Fika authors"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" $0
  Call OfferWebView
SectionEnd

; For the machine (seen from a 64-bit program) or for the user; an uninstalled one leaves 0.0.0.0.
Function OfferWebView
  SetRegView 64
  ReadRegStr $0 HKLM "SOFTWARE\WOW6432Node\${WEBVIEW_KEY}" "pv"
  StrCmp $0 "" 0 +2
  ReadRegStr $0 HKCU "Software\${WEBVIEW_KEY}" "pv"
  StrCmp $0 "" missing
  StrCmp $0 "0.0.0.0" missing
  Return
  missing:
  MessageBox MB_YESNO|MB_ICONEXCLAMATION "$(WebView)" /SD IDNO IDNO done
  ExecShell "open" "${WEBVIEW_PAGE}"
  done:
FunctionEnd

Section "Uninstall"
  !insertmacro WaitUntilClosed
  !insertmacro DeleteFiles
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  ; Only if nothing else is in it.
  RMDir "$LOCALAPPDATA\Programs"
  Delete "$SMPROGRAMS\Fika.lnk"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/purge" $1
  IfErrors 0 purge
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(Purge)" /SD IDNO IDNO kept
  purge:
  RMDir /r "$APPDATA\fika"
  RMDir /r "$LOCALAPPDATA\org.fika.desktop"
  kept:
SectionEnd
