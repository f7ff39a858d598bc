/** Variable that contains the token of a client. */
export const TOKEN_VARIABLE = 'PONGCHECK_TOKEN';
/** Variable that contains the path of the configuration file. */
export const FILE_VARIABLE = 'PONGCHECK_CONFIG';
